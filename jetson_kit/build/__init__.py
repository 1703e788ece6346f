"""From a request to an image: plan, parts, archive, manifest, first start."""
