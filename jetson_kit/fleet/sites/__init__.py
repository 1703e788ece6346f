"""Many sites, each with a controller of its own: Receptor between them, one rollout over all."""
