"""What a neuron is made of: gates, channels and the neuron itself, declared as data."""
