"""Which backend is the fastest right one on this device, measured once and kept."""
