"""What functions of Watchword cost inside a process, without HTTP, beside the least that could do the same."""
