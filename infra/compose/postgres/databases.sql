-- Beside `assay`, which POSTGRES_USER makes.
CREATE DATABASE mlflow;
