"""What is served over HTTP: the API, the control plane and the files of exports."""
