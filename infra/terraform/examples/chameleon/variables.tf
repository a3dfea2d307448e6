variable "public_key" {
  description = "OpenSSH public key that may log in."
  type        = string
}

variable "admin_cidr" {
  description = "Addresses that may reach SSH and the Kubernetes API, such as 192.0.2.7/32."
  type        = string
}
