"""Where boards that poll a channel report to: one HTTPS address, one last report for each board."""
