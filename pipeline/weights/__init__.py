"""Pretrained weights as data: what is published for each encoder, fetched and verified by the stage `weights`."""
