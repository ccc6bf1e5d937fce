"""Adam (Kingma and Ba 2015, arXiv 1412.6980), updated by TensorFlow's fused kernel where that is the backend."""

import keras


class Adam(keras.optimizers.Adam):
    """Keras's Adam, with the same variables and the same rule.

    Keras on TensorFlow reads and writes each weight in a dozen operations; the kernel does it once.
    """

    def update_step(self, gradient, variable, learning_rate):
        if keras.backend.backend() != "tensorflow":
            return super().update_step(gradient, variable, learning_rate)
        from pipeline.networks.common.tensorflow_door import fused_adam

        index = self._get_variable_index(variable)
        moments = self._momentums[index], self._velocities[index]
        fused_adam(variable, *moments, gradient, self.iterations + 1, learning_rate, self.beta_1, self.beta_2, self.epsilon)
