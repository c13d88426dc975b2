"""From line images to text with confidences."""
