# Three hosts on a Chameleon site (KVM@TACC), or on any OpenStack cloud with such names.
# Credentials: clouds.yaml with OS_CLOUD, or the OS_* variables of an application credential.
#   terraform init && terraform apply -var-file=mine.tfvars
terraform {
  required_version = ">= 1.6.0, < 2.0.0"

  required_providers {
    openstack = {
      source  = "terraform-provider-openstack/openstack"
      version = "~> 3.0.0"
    }
  }
}

provider "openstack" {}

module "assay" {
  source = "../../modules/openstack"

  name             = "assay"
  external_network = "public"
  image            = "CC-Ubuntu24.04"
  user             = "cc"
  server_flavor    = "m1.xlarge"
  agent_flavor     = "m1.large"
  agents           = 2
  volume_size      = 80
  public_key       = var.public_key
  admin_cidr       = var.admin_cidr
}
