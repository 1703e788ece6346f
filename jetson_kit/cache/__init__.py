"""The cache folder: what it holds, how large it is, and what no command has used for long."""
