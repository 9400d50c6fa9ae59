module github.com/seed-162b1470/annals

go 1.26.0

require go.yaml.in/yaml/v3 v3.0.6
