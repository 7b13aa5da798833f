"""The HTTP service and the commands: settings, dispatch, authentication, streaming, metrics."""
