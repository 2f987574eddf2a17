"""The seam between the programs and what runs pods: five protocols, and their Kubernetes side."""
