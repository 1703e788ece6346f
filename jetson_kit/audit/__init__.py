"""What a wheel really is: GPU paths, the CPU that it needs, libraries, and verdicts per target."""
