// head_tags lists a repository's tags and asks for the digest of one after another, as Concourse's
// registry-image-resource does in `check`: go-containerregistry's Head in a loop, authorized once.
//
//	head_tags REPOSITORY
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func main() {
	digests, err := digestsOf(context.Background(), os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(digests))
}

func digestsOf(ctx context.Context, address string) (map[string]string, error) {
	repository, err := name.NewRepository(address, name.Insecure)
	if err != nil {
		return nil, err
	}
	puller, err := remote.NewPuller()
	if err != nil {
		return nil, err
	}
	tags, err := puller.List(ctx, repository)
	if err != nil {
		return nil, err
	}
	digests := make(map[string]string, len(tags))
	for _, tag := range tags {
		found, err := puller.Head(ctx, repository.Tag(tag))
		if err != nil {
			return nil, err
		}
		digests[tag] = found.Digest.String()
	}
	return digests, nil
}
