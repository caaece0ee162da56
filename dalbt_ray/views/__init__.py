"""Two random views of every image, on whole batches."""
