"""The seam between the programs and what runs pods: six protocols, and their Kubernetes side."""
