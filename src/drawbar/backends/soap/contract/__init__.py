"""A WSDL and its schemas: read offline, indexed, and given shapes. Nothing here knows an adapter."""
