"""k3s and Kubernetes: manifests out of service.toml, and what a cluster makes of them."""
