"""Power cuts: what a process wrote is recorded, and disks are made of it that lost what was not synced."""
