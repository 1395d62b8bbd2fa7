"""What compiled graphs are given beside images, by shape and kind: the entries of their signatures."""

import tensorflow as tf

ROW = tf.TensorSpec((None,), tf.float32)  # a number for each image
CLASS = tf.TensorSpec((None,), tf.int32)  # a class for each image
MARK = tf.TensorSpec((None,), tf.bool)  # a yes or no for each image
NUMBER = tf.TensorSpec((), tf.float32)
COUNT = tf.TensorSpec((), tf.int32)
FLAG = tf.TensorSpec((), tf.bool)
