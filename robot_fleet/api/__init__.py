"""The gRPC edge: services, conversion, errors; `v1` holds the generated stubs."""
