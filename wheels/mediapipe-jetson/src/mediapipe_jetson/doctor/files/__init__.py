"""Read the files of a user's project: requirements, locks, images, services, Pythons."""
