"""`verify`, `doctor` and `status` of the boards of many sites, judged at each, merged here."""
