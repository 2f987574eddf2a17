"""Files for `locust -f`: users and shapes, one each, to be combined with commas."""
