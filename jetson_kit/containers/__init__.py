"""Docker Engine, OCI archives, and layers that the kit writes itself."""
