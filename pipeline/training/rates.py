"""A learning rate of its own for a part of a network."""


def scale_rates(optimizer, network):
    """Multiply the learning rate of each layer that has a ``lr_scale`` by it, whatever the optimizer (`keras.optimizers`).

    A step of the optimizer updates the variables one by one; the factor is applied there, so that the schedule, the moments
    and the state in a checkpoint are those of one optimizer.
    """
    by_path = {v.path: getattr(layer, "lr_scale", 1.0) for layer in network.layers for v in layer.trainable_variables}
    factors = [by_path[variable.path] for variable in network.trainable_variables]  # in the order of the optimizer
    if set(factors) <= {1.0}:
        return
    update, number = optimizer.update_step, optimizer._get_variable_index  # TensorFlow hands over its own variables, without path
    optimizer.update_step = lambda gradient, variable, rate: update(gradient, variable, rate * factors[number(variable)])
