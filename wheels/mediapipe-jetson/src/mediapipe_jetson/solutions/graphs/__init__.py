"""The graphs of MediaPipe's legacy solutions, on the kit's own parts and backends."""
