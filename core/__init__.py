"""Attacks on handwritten-digit classifiers, and their defenses, on TensorFlow / Keras 3. Headless: no screen needed."""
