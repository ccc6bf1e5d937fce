import os

# TensorFlow announces its build options at every start; they drown what a stage has to say. 2: errors only.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
