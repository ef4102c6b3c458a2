"""What content editors work with: articles and their history, what is live, trainings, releases on trial, the review inbox."""
