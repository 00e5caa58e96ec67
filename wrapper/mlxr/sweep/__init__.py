"""Several trainings of one recipe beside each other, chosen by the validation split."""
