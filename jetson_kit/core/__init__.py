"""What all of the kit stands on: errors, files, programs, caches, environments."""
