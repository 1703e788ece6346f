"""The front door's program: options that are checked where they are read, one way to end."""
