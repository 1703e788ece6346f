"""What the files of a user's project say: requirements, locks, images, services, Pythons."""
