"""The guides in docs/: pages that are generated, and checks that hold all of them to the code."""
