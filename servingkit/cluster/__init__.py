"""The seam between the programs and what runs pods: seven protocols, and their Kubernetes side."""
