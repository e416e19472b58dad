"""From a WSDL to a first version of an adapter."""
