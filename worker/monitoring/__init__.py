"""What Grafana and Prometheus are given to watch the system: a dashboard, and rules for alerts."""
