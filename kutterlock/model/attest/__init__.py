"""What is said of a release, an image or a build, and signed."""
