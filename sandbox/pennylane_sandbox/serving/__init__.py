"""Everything served over HTTP: the API, the control plane and the export files."""
