"""The Invoke collections that tasks.py puts together."""
