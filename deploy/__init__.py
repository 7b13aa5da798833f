"""What runs the product outside of itself: the demo, service files, package installation."""
