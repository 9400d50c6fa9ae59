module github.com/seed-162b1470/annals/capture/gormcapture

go 1.26.0

require (
	github.com/seed-162b1470/annals v0.0.0
	gorm.io/gorm v1.31.2
)

require (
	github.com/jinzhu/inflection v1.0.0 // indirect
	github.com/jinzhu/now v1.1.5 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/text v0.41.0 // indirect
)

replace github.com/seed-162b1470/annals => ../..
