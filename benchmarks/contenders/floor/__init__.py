"""The physical floor: the same hash, one row, one signature, and no framework. Nobody should want to run it."""
