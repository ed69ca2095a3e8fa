"""What Watchword costs, beside the physical floor and beside its peers: `make bench`.

`contenders/` has one folder for each thing that is measured over HTTP, `engine/` what is measured inside a process,
`results/` the figures of the last run, from which `docs/performance.md` and its picture are written.
"""
