"""`bench.translate`: what is translated, and what shows that it does what the original does."""
