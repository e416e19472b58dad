"""Methods that are called over HTTP: JSON-RPC 2.0 and XML-RPC."""
