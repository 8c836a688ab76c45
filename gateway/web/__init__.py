"""What all HTTP routes share: health checks, metrics, error handling, the OpenAPI document."""
