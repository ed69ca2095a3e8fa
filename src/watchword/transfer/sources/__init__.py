"""Where users come from: one file a system, each an asynchronous iterator of `Brought`."""
